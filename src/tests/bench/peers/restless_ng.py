"""flask-restless-ng: the resources of two models, as JSON:API has them."""

from os import environ

from flask import Flask
from flask_models import Album, Artist, db
from flask_restless import APIManager

app = Flask(__name__)
app.config["SQLALCHEMY_DATABASE_URI"] = environ["BENCH_URI"]
db.init_app(app)
with app.app_context():
    manager = APIManager(app, session=db.session, url_prefix="")
    manager.create_api(Artist, methods=["GET"], collection_name="artists")
    manager.create_api(
        Album, methods=["GET", "POST"], collection_name="albums", page_size=20, max_page_size=1000
    )
