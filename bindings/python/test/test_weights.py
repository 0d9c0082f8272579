"""Weights to a file and back."""

import ctypes
import tempfile
import unittest
from array import array
from pathlib import Path

import symbiont


class Weights(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name) / "weights.safetensors"

    def test_survive_the_round_trip(self):
        for code in "dfqlihbB":
            symbiont.save_weights(self.path, {"a.weight": array(code, [1, 2, 3]), "b": b"x"})
            loaded = symbiont.load_weights(self.path)
            self.assertEqual(loaded["a.weight"].tolist(), [1, 2, 3], code)
            self.assertEqual(list(loaded), ["a.weight", "b"])

    def test_keep_their_shape(self):
        matrix = memoryview((ctypes.c_float * 3 * 2)((1, 2, 3), (4, 5, 6)))
        symbiont.save_weights(self.path, {"m": matrix, "none": array("f")})
        loaded = symbiont.load_weights(self.path)
        self.assertEqual(loaded["m"].tolist(), [[1, 2, 3], [4, 5, 6]])
        self.assertEqual(loaded["none"].tolist(), [])

    def test_name_what_cannot_be_written(self):
        with self.assertRaisesRegex(TypeError, "big: found numbers of format 'L'"):
            symbiont.save_weights(self.path, {"big": array("L", [1])})
        self.assertFalse(self.path.exists())

    def test_name_the_file_that_cannot_be_read(self):
        with self.assertRaisesRegex(symbiont.Error, str(self.path)) as raised:
            symbiont.load_weights(self.path)
        self.assertEqual(raised.exception.code, "NOT_FOUND")


if __name__ == "__main__":
    unittest.main()
