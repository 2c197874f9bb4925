"""Django REST framework with model serializers and a model view set."""

from os import environ

import django
from django.conf import settings

settings.configure(
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    SECRET_KEY="of no use",
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "rest_framework"],
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
            "OPTIONS": {"timeout": 30},
        }
    },
    REST_FRAMEWORK={
        "DEFAULT_AUTHENTICATION_CLASSES": [],
        "DEFAULT_PERMISSION_CLASSES": [],
        "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    },
)
django.setup()

from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.db import models  # noqa: E402
from rest_framework import pagination, routers, serializers, viewsets  # noqa: E402


class Artist(models.Model):
    name = models.CharField(max_length=120, null=True)

    class Meta:
        app_label = "albums"
        db_table = "artists"
        managed = False


class Album(models.Model):
    title = models.CharField(max_length=160)
    artist = models.ForeignKey(Artist, models.PROTECT)

    class Meta:
        app_label = "albums"
        db_table = "albums"
        managed = False


class ArtistSerializer(serializers.ModelSerializer):
    class Meta:
        model = Artist
        fields = ("id", "name")


class AlbumSerializer(serializers.ModelSerializer):
    artist_id = serializers.PrimaryKeyRelatedField(queryset=Artist.objects.all(), source="artist")

    class Meta:
        model = Album
        fields = ("id", "title", "artist_id")


class AlbumWithArtist(AlbumSerializer):
    artist = ArtistSerializer(read_only=True)

    class Meta(AlbumSerializer.Meta):
        fields = (*AlbumSerializer.Meta.fields, "artist")


class Pages(pagination.PageNumberPagination):
    page_size = 20
    page_size_query_param = "page_size"
    max_page_size = 1000


class AlbumViewSet(viewsets.ModelViewSet):
    queryset = Album.objects.select_related("artist").order_by("id")
    pagination_class = Pages

    def get_serializer_class(self):
        return AlbumSerializer if self.action == "create" else AlbumWithArtist


router = routers.DefaultRouter(trailing_slash=False)
router.register("albums", AlbumViewSet)
urlpatterns = router.urls
app = get_wsgi_application()
