"""The shapes of an e-mail address; in a file of their own, for whoever needs nothing else."""

_LATIN = "A-Za-z\u00c0-\u024f"
# In a text, where Chinese words touch it without a blank.
IN_TEXT = (
    rf"(?<![{_LATIN}0-9._%+-])[{_LATIN}0-9._%+'-]{{1,64}}@(?:[{_LATIN}0-9-]{{1,63}}\.){{1,6}}"
    r"[A-Za-z]{2,24}(?![A-Za-z0-9])"
)
# In a log line, where too much may be left out and nothing may stay: letters of any script.
IN_LOGS = r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]+(?:\.[\w-]+)+"
