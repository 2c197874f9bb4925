"""``python -m debonair.manage``: the commands of the chassis itself."""

from debonair.manage.standalone import manager

manager.run()
