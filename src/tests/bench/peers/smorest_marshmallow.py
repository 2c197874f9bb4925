"""flask-smorest with schemas that marshmallow-sqlalchemy makes from the models."""

from os import environ

from flask import Flask
from flask_models import Album, Artist, db
from flask_smorest import Api, Blueprint
from marshmallow_sqlalchemy import SQLAlchemyAutoSchema
from marshmallow_sqlalchemy.fields import Nested
from sqlalchemy import func, select
from sqlalchemy.orm import joinedload

app = Flask(__name__)
app.config["SQLALCHEMY_DATABASE_URI"] = environ["BENCH_URI"]
app.config |= {"API_TITLE": "Albums", "API_VERSION": "1", "OPENAPI_VERSION": "3.1.0"}
db.init_app(app)
albums = Blueprint("albums", __name__)


class ArtistSchema(SQLAlchemyAutoSchema):
    class Meta:
        model = Artist


class AlbumSchema(SQLAlchemyAutoSchema):
    class Meta:
        model = Album
        sqla_session = db.session
        include_fk = True
        load_instance = True


class AlbumWithArtist(AlbumSchema):
    artist = Nested(ArtistSchema)


@albums.get("/albums")
@albums.response(200, AlbumWithArtist(many=True))
@albums.paginate(page_size=20, max_page_size=1000)
def list_albums(pagination_parameters):
    pagination_parameters.item_count = db.session.scalar(select(func.count()).select_from(Album))
    first, size = pagination_parameters.first_item, pagination_parameters.page_size
    page = select(Album).options(joinedload(Album.artist)).order_by(Album.id).limit(size).offset(first)
    return db.session.scalars(page).all()


@albums.get("/albums/<int:key>")
@albums.response(200, AlbumWithArtist)
def get_album(key):
    return db.get_or_404(Album, key, options=[joinedload(Album.artist)])


@albums.post("/albums")
@albums.arguments(AlbumSchema)
@albums.response(201, AlbumSchema)
def create_album(album):
    db.session.add(album)
    db.session.commit()
    return album, {"Location": f"/albums/{album.id}"}


Api(app).register_blueprint(albums)
