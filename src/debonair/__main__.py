"""``python -m debonair``: the commands of the chassis itself."""

from debonair.standalone import manager

manager.run()
