"""Take README's picture of the page, of the astronaut, who may be shown.

python -m tests.browser.screenshot            writes docs/screenshot.png
"""

import io
import shutil
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

from tests.browser.visitor import Visitor
from tests.chromium import ARGUMENTS
from tests.serving import serve

TARGET = Path(__file__).parents[2] / "docs" / "screenshot.png"
WIDTH = 1280
# README shows it about this wide, and at this size it stays under half a megabyte in all its colours.
SAVED_WIDTH = 900
# Steps of five percent that bring the divider from the middle to the astronaut's nose.
STEPS_LEFT = 1


def main() -> None:
    """Colorize the example and write what a visitor sees, down to the faces."""
    served = serve()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=ARGUMENTS)
        visitor = Visitor(browser.new_page(viewport={"width": WIDTH, "height": 900}), served)
        visitor.arrive()
        visitor.page.get_by_role("button", name="Astronaut").click()
        visitor.wait(lambda: visitor.after_source() != "", "a result")
        visitor.wait(visitor.is_after_loaded, "the result's picture")
        divider = visitor.page.get_by_role("slider", name="Divider between before and after")
        divider.focus()
        for _ in range(STEPS_LEFT):
            visitor.page.keyboard.press("ArrowLeft")
        divider.blur()
        visitor.page.wait_for_timeout(1000)
        end = visitor.page.locator("#truth-box").evaluate("e => e.getBoundingClientRect().top + scrollY")
        picture = visitor.page.screenshot(
            full_page=True, clip={"x": 0, "y": 0, "width": WIDTH, "height": end}
        )
        browser.close()
    image = Image.open(io.BytesIO(picture)).convert("RGB")
    image = image.resize((SAVED_WIDTH, round(image.height * SAVED_WIDTH / WIDTH)), Image.Resampling.LANCZOS)
    image.save(TARGET, optimize=True)
    print(f"{TARGET}: {image.width}x{image.height}, {TARGET.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
