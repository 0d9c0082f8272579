#!/usr/bin/env python3
"""The report's page as people see it, in headless Chromium: without an error on the console, six
plots with data, light and dark, on paper.

    page_test.py MAKE_PAGES
"""

import pathlib
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest
import xml.dom.minidom
import zlib

SKIPPED = 77
WIDTH, HEIGHT = 1100, 1500


def find_browser():
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def pixels(png):
    """Rows of (red, green, blue) of an 8-bit PNG without interlacing, as Chromium writes them."""
    width, height, depth, kind = struct.unpack(">IIBB", png[16:26])
    assert depth == 8 and kind in (2, 6), "an RGB or RGBA picture"
    data, at = b"", 8
    while at < len(png):
        (length,) = struct.unpack(">I", png[at:at + 4])
        if png[at + 4:at + 8] == b"IDAT":
            data += png[at + 8:at + 8 + length]
        at += length + 12
    raw, channels = zlib.decompress(data), 3 if kind == 2 else 4
    stride = width * channels
    above = bytes(stride)
    for y in range(height):
        method, row = raw[y * (stride + 1)], bytearray(raw[y * (stride + 1) + 1:(y + 1) * (stride + 1)])
        unfilter(method, row, above, channels)
        above = bytes(row)
        yield [tuple(row[i:i + 3]) for i in range(0, stride, channels)]


def unfilter(method, row, above, step):
    """Undoes a PNG row filter in place."""
    if method == 0:
        return
    for i in range(len(row)):
        left = row[i - step] if i >= step else 0
        corner = above[i - step] if i >= step else 0
        if method == 1:
            guess = left
        elif method == 2:
            guess = above[i]
        elif method == 3:
            guess = (left + above[i]) // 2
        else:
            guess = min((left, above[i], corner), key=lambda value: abs(left + above[i] - corner - value))
        row[i] = (row[i] + guess) & 0xFF


class Page(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="symbiont-page-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        subprocess.run([MAKE_PAGES, str(cls.folder)], check=True)

    def browse(self, page, *flags):
        """Opens a page; what the browser printed. The console must stay empty."""
        command = [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                   "--no-first-run", "--disable-background-networking", "--disable-component-update",
                   "--disable-sync", "--hide-scrollbars", f"--user-data-dir={self.folder}/profile",
                   f"--window-size={WIDTH},{HEIGHT}", "--enable-logging=stderr", "--v=0", *flags,
                   f"file://{self.folder}/{page}.html"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(re.findall(r".*CONSOLE.*", done.stderr), [])
        return done.stdout

    def picture(self, page, *flags):
        target = self.folder / "picture.png"
        self.browse(page, f"--screenshot={target}", *flags)
        return list(pixels(target.read_bytes()))

    def figures(self, page):
        text = self.browse(page, "--dump-dom")
        return re.findall(r'<figure id="plot-\d".*?</figure>', text, re.DOTALL)

    def text(self, page):
        return (self.folder / f"{page}.html").read_text(encoding="utf-8")

    def test_every_page_is_well_formed_and_asks_for_nothing(self):
        for page in ("finished", "many", "alone", "hostile", "unfinished", "begun"):
            text = self.text(page)
            xml.dom.minidom.parseString(text)
            self.assertEqual(re.findall(r"<script|<img|<link|@import|https?://(?!www\.w3\.org)", text), [])

    def test_shows_six_plots_with_data(self):
        for page, least in (("finished", 10), ("many", 10)):
            figures = self.figures(page)
            self.assertEqual(len(figures), 6)
            for number, figure in enumerate(figures, 1):
                marks = len(re.findall(r'<(?:use|rect) class="(?:[a-z ]*\bmark|segment)\b', figure))
                self.assertGreaterEqual(marks, 5 if number == 4 else least, f"plot {number} of {page}")
                self.assertIn('role="img"', figure)
                self.assertRegex(figure, r"<figcaption>[^<]*\d")

    def test_says_what_is_missing_where_there_is_no_data(self):
        figures = self.figures("begun")
        self.assertEqual(len(figures), 6)
        for figure in figures:
            self.assertIn('class="missing"', figure)

    def test_hostile_words_stay_words(self):
        text = self.browse("hostile", "--dump-dom")
        self.assertNotIn("<script", text)
        self.assertNotIn("<img", text)
        self.assertIn("&lt;script&gt;", text)

    def test_no_text_of_a_plot_leaves_its_picture_or_covers_another(self):
        for page in ("finished", "many", "alone", "unfinished"):
            with self.subTest(page=page):
                self.assertEqual(self.collisions(page), "")

    def collisions(self, page):
        """Which labels overlap or stick out: measured by the browser itself, in a copy with a script."""
        script = """<script>
        const found = [];
        for (const svg of document.querySelectorAll('figure svg')) {
          const frame = svg.getBoundingClientRect();
          const texts = [...svg.querySelectorAll('text')].map(t => [t.textContent, t.getBoundingClientRect()]);
          texts.forEach(([word, a], i) => {
            if (a.left < frame.left - 1 || a.right > frame.right + 1 || a.top < frame.top - 1 ||
                a.bottom > frame.bottom + 1) found.push(word + ' sticks out');
            for (const [other, b] of texts.slice(i + 1)) {
              const x = Math.min(a.right, b.right) - Math.max(a.left, b.left);
              const y = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
              if (x > 1 && y > 4) found.push(word + ' / ' + other);
            }
          });
        }
        document.body.dataset.collisions = found.join('; ');
        </script>"""
        text = self.text(page).replace("default-src 'none'", "script-src 'unsafe-inline'")
        copy = self.folder / f"{page}-measured.html"
        copy.write_text(text.replace("</body>", script + "</body>"), encoding="utf-8")
        dom = self.browse(f"{page}-measured", "--dump-dom")
        return re.search(r'data-collisions="([^"]*)"', dom).group(1)

    def test_is_light_and_dark_as_the_reader_prefers(self):
        light = self.picture("finished", "--blink-settings=preferredColorScheme=1")
        dark = self.picture("finished", "--blink-settings=preferredColorScheme=0")
        self.assertEqual(light[2][2], (255, 255, 255))
        self.assertLess(sum(dark[2][2]), 120)
        for rows in (light, dark):
            colors = {pixel for row in rows[::3] for pixel in row[::3]}
            self.assertGreater(len(colors), 100, "something is drawn")

    def test_prints(self):
        target = self.folder / "page.pdf"
        self.browse("finished", f"--print-to-pdf={target}", "--no-pdf-header-footer")
        pdf = target.read_bytes()
        self.assertTrue(pdf.startswith(b"%PDF"))
        pages = len(re.findall(rb"/Type\s*/Page\b", pdf))
        self.assertTrue(2 <= pages <= 8, f"{pages} pages")

    def test_of_500_recurrences_stays_small(self):
        self.assertLess((self.folder / "many.html").stat().st_size, 2_000_000)


if __name__ == "__main__":
    BROWSER = find_browser()
    if BROWSER is None:
        print("skipped: no chromium here; ./dev deps page installs it")
        sys.exit(SKIPPED)
    MAKE_PAGES = sys.argv.pop(1)
    unittest.main(verbosity=2)
