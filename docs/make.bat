@echo off
sphinx-build -W -q -b html source build\html
