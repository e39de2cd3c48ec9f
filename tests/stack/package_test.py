"""Packages and the tools that make them, without a build: package_test.py"""

import os
import pathlib
import stat
import subprocess
import sys
import tempfile
import tomllib
import unittest
import zipfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "infra"))

import package
import yaml
from template import Loader


class Package(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def built(self):
        built = self.folder / "built"
        for name, _ in package.functions((ROOT / "template.yaml").read_text()):
            (built / name).mkdir(parents=True, exist_ok=True)
            (built / name / "bootstrap").write_bytes(name.encode())
        return built

    def test_a_package_has_a_zip_for_each_function_and_nothing_to_build(self):
        built, made = self.built(), self.folder / "made"
        package.main(built, made, "x86_64")
        template = yaml.load((made / "template.yaml").read_text(), Loader)
        functions = {n: of for n, of in template["Resources"].items() if of["Type"] == "AWS::Serverless::Function"}
        self.assertEqual(len(functions), 7)
        for name, function in functions.items():
            self.assertNotIn("BuildMethod", function.get("Metadata", {}))
            with zipfile.ZipFile(made / function["Properties"]["CodeUri"]) as zip:
                self.assertEqual(zip.namelist(), ["bootstrap"])
                self.assertEqual(zip.read("bootstrap"), name.encode())
                self.assertTrue(zip.getinfo("bootstrap").external_attr >> 16 & stat.S_IXOTH, "Lambda executes it")
        parameter = template["Parameters"]["Architecture"]
        self.assertEqual((parameter["Default"], parameter["AllowedValues"]), ("x86_64", ["x86_64"]))

    def test_the_same_executables_make_the_same_package(self):
        built, archives = self.built(), []
        for name in ("one", "two"):
            package.main(built, self.folder / name, "arm64")
            archives.append((self.folder / name / "functions/delivery.zip").read_bytes())
        self.assertEqual(*archives)

    def test_a_function_that_was_not_built_is_missed(self):
        built = self.built()
        (built / "Delivery/bootstrap").unlink()
        with self.assertRaises(FileNotFoundError):
            package.main(built, self.folder / "made", "arm64")

    def test_a_build_never_takes_what_a_cache_holds(self):
        """SAM's cache asks only whether the function's own folder changed, not the crates that it is made of."""
        configuration = tomllib.loads((ROOT / "infra/samconfig.example.toml").read_text())
        self.assertIs(configuration["default"]["build"]["parameters"]["cached"], False)


class Tools(unittest.TestCase):
    def check(self, **versions):
        """What the check says if these are the tools."""
        with tempfile.TemporaryDirectory() as folder:
            for name, text in versions.items():
                tool = pathlib.Path(folder, name.replace("_", "-"))
                tool.write_text(f"#!/bin/sh\necho '{text}'\n")
                tool.chmod(0o755)
            said = subprocess.run(
                [sys.executable, ROOT / "infra/check_tools.py"], env=os.environ | {"PATH": folder + ":/bin"},
                capture_output=True, text=True,
            )  # fmt: skip
        return said.returncode, said.stdout + said.stderr

    def test_the_versions_that_the_tests_use_are_right_and_newer_ones_too(self):
        self.assertEqual(self.check(sam="SAM CLI, version 1.170.0", cargo_lambda="cargo-lambda 1.9.2", zig="0.17.1")[0], 0)
        self.assertEqual(self.check(sam="SAM CLI, version 2.0.0", cargo_lambda="cargo-lambda 1.10.0", zig="0.18.0")[0], 0)

    def test_an_older_or_missing_tool_is_named_with_what_to_install(self):
        code, said = self.check(sam="SAM CLI, version 1.99.0", cargo_lambda="cargo-lambda 1.9.2", zig="0.17.1")
        self.assertEqual(code, 1)
        self.assertIn("sam 1.99.0 is older than 1.170.0", said)
        self.assertIn("pip install aws-sam-cli==1.170.0", said)
        code, said = self.check(sam="SAM CLI, version 1.170.0", zig="0.17.1")
        self.assertEqual(code, 1)
        self.assertIn("cargo-lambda is not there: pip install cargo-lambda==1.9.2", said)


if __name__ == "__main__":
    unittest.main()
