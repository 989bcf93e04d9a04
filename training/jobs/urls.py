from django.urls import path

from training.jobs.api import (
    EstimateDetail,
    JobCancel,
    JobDetail,
    JobList,
    JobPause,
    JobResume,
)
from training.jobs.api_lists import CheckpointList, CurveList, JobEventList
from training.jobs.lineage_api import ConsentModels, ModelConsents, ModelDetail, ModelList

JOBS = "v1/fine_tuning/jobs"
ONE = f"{JOBS}/<str:job_id>"

urlpatterns = [
    path("v1/fine_tuning/estimates", EstimateDetail.as_view(), name="estimates"),
    path(JOBS, JobList.as_view(), name="jobs"),
    path(ONE, JobDetail.as_view(), name="job"),
    path(f"{ONE}/cancel", JobCancel.as_view(), name="job-cancel"),
    path(f"{ONE}/pause", JobPause.as_view(), name="job-pause"),
    path(f"{ONE}/resume", JobResume.as_view(), name="job-resume"),
    path(f"{ONE}/events", JobEventList.as_view(), name="job-events"),
    path(f"{ONE}/checkpoints", CheckpointList.as_view(), name="job-checkpoints"),
    path("v1/models", ModelList.as_view(), name="models"),
    path("v1/models/<str:model_id>", ModelDetail.as_view(), name="model"),
    path("v1/models/<str:model_id>/consents", ModelConsents.as_view(), name="model-consents"),
    path("v1/consents/<str:consent_id>/models", ConsentModels.as_view(), name="consent-models"),
    path(f"{ONE}/metrics", CurveList.as_view(), name="job-metrics"),
]
