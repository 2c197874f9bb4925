"""Django: a constant, and one value from the database."""

from os import environ

import django
from django.conf import settings

settings.configure(
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    SECRET_KEY="of no use",
    USE_TZ=True,
    MIDDLEWARE=[
        "django.middleware.security.SecurityMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.middleware.clickjacking.XFrameOptionsMiddleware",
    ],
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": environ["BENCH_URI"].removeprefix("sqlite:///"),
            "CONN_MAX_AGE": None,
        }
    },
)
django.setup()

from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.db import models  # noqa: E402
from django.http import JsonResponse  # noqa: E402
from django.urls import path  # noqa: E402


class CheckIn(models.Model):
    user = models.CharField(max_length=200)
    at = models.DateTimeField()

    class Meta:
        app_label = "checkins"
        db_table = "check_in"
        managed = False


def trivial(request):
    return JsonResponse({"hello": "world"})


def last_seen(request, user):
    newest = CheckIn.objects.filter(user=user).aggregate(newest=models.Max("at"))["newest"]
    return JsonResponse({"user": user, "date": newest.date().isoformat()})


urlpatterns = [path("trivial", trivial), path("last-seen/<str:user>", last_seen)]
app = get_wsgi_application()
