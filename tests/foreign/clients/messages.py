"""Validates messages with the models that datamodel-code-generator made: messages.py FOLDER

FOLDER has models.py, and messages.json: pairs of the name of a model and a message. Prints one line for each: True if the
message fits.
"""

import importlib.util
import json
import pathlib
import sys

import pydantic

folder = pathlib.Path(sys.argv[1])
spec = importlib.util.spec_from_file_location("models", folder / "models.py")
models = importlib.util.module_from_spec(spec)
sys.modules["models"] = models
spec.loader.exec_module(models)

for name, message in json.loads((folder / "messages.json").read_text()):
    try:
        # As receivers read it.
        getattr(models, name).model_validate_json(json.dumps(message), strict=True)
        print(True)
    except pydantic.ValidationError:
        print(False)
