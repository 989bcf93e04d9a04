from django.urls import path

from recommend.api import RecommendationList

urlpatterns = [path("v1/recommendations", RecommendationList.as_view(), name="recommendations")]
