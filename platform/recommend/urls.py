from django.urls import path

from recommend.api import RecommendationList
from recommend.profile_api import ProfileDetail, ProfileRemovalDetail, ProfileRemovalList

urlpatterns = [
    path("v1/recommendations", RecommendationList.as_view(), name="recommendations"),
    path("v1/profile", ProfileDetail.as_view(), name="profile"),
    path("v1/profile/removals", ProfileRemovalList.as_view(), name="profile_removals"),
    path(
        "v1/profile/removals/<str:removal_id>",
        ProfileRemovalDetail.as_view(),
        name="profile_removal",
    ),
]
