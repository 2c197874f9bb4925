"""APIFlask with marshmallow schemas."""

from os import environ

from apiflask import APIFlask, PaginationSchema, Schema, pagination_builder
from apiflask.fields import Integer, List, Nested, String
from apiflask.validators import Length, Range
from flask_models import Album, db
from sqlalchemy import select
from sqlalchemy.orm import joinedload

app = APIFlask(__name__)
app.config["SQLALCHEMY_DATABASE_URI"] = environ["BENCH_URI"]
db.init_app(app)


class PageQuery(Schema):
    page = Integer(load_default=1, validate=Range(min=1))
    per_page = Integer(load_default=20, validate=Range(min=1, max=1000))


class ArtistOut(Schema):
    id = Integer()
    name = String()


class AlbumIn(Schema):
    title = String(required=True, validate=Length(max=160))
    artist_id = Integer(required=True)


class AlbumOut(Schema):
    id = Integer()
    title = String()
    artist_id = Integer()


class AlbumWithArtist(AlbumOut):
    artist = Nested(ArtistOut)


class AlbumPage(Schema):
    objects = List(Nested(AlbumWithArtist))
    pagination = Nested(PaginationSchema)


@app.get("/albums")
@app.input(PageQuery, location="query")
@app.output(AlbumPage)
def list_albums(query_data):
    albums = select(Album).options(joinedload(Album.artist)).order_by(Album.id)
    page = db.paginate(albums, page=query_data["page"], per_page=query_data["per_page"], max_per_page=1000)
    return {"objects": page.items, "pagination": pagination_builder(page)}


@app.get("/albums/<int:key>")
@app.output(AlbumWithArtist)
def get_album(key):
    return db.get_or_404(Album, key, options=[joinedload(Album.artist)])


@app.post("/albums")
@app.input(AlbumIn)
@app.output(AlbumOut, status_code=201)
def create_album(json_data):
    album = Album(**json_data)
    db.session.add(album)
    db.session.commit()
    return album, 201, {"Location": f"/albums/{album.id}"}
