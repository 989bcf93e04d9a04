"""The honest benchmark of recommendation: real data, strong rivals, nothing chosen on test."""
