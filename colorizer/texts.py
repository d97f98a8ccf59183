"""The Colorize page's longer texts, as HTML."""

STAGES = {
    "read": "Reading the photo",
    "faces": "Looking for faces",
    "ethnicity": "Estimating",
    "network": "Painting",
    "merge": "Putting colour under the light",
    "done": "Done",
}

INTRO = """
<h2>A gray portrait in, believable colour out</h2>
<ol>
  <li><strong>Give a photo</strong>: drop it, paste it, or take one with your camera.</li>
  <li><strong>Look</strong>: every face is found and painted; a slider shows the photo before and after.</li>
  <li><strong>Adjust</strong>: choose another palette for a face, change the vividness, download the result.</li>
</ol>
"""

ABOUT = """
<section>
<h2>What the colours are</h2>
<p>Plausible, not the truth. A gray photo doesn't say whether a dress was red or blue; what you see is what was likely
in the photos the model learned from. Lightness stays as it was, and the file says that its colours were made by AI.</p>
</section><section>
<h2>What is estimated about faces</h2>
<p>Perceived ethnicity in six coarse groups, only to choose a palette. It is often wrong, says nothing about who
somebody is, and identifies nobody. You can change it for each face, or switch it off for all.</p>
</section><section>
<h2>What happens to your photo</h2>
<p>It is painted on this server and not kept: no history, no log of pictures, nothing sent elsewhere. The files the
page needs are deleted {keep} after they were made.</p>
</section>
"""

FACES = """
<h2>Faces</h2>
<p>Counted from the left. The shares are an estimate of perceived appearance from gray pixels; correct them where you
know better.</p>
"""

TRUTH = """
<p>Do you have the same photo in colour? Give it here to see how far off the result is. Both must show the same frame;
their sizes may differ.</p>
"""

COMPARE = """
<p>The same photo by several models, with the palettes and the vividness chosen above. Each model is loaded when its
turn comes; you can stop at any time and keep what is there.</p>
"""

API = {
    "colorize": (
        "A photo in colour. ethnicity: auto, none, a group, or one of these for each face, left to right, separated by "
        "commas. vividness: 0 (gray) to 2. Returns the PNG and the faces."
    ),
    "metrics": "A colorized photo (prediction) against the true one, both at 256 x 256.",
    "models": "Every model of the literature, trained or not, and all other weights that are here.",
    "compare": "One photo by several models on one sheet, with figures where the true photo is given.",
}


def about(keep_minutes: float) -> str:
    """What the colours are, what is estimated, what happens to the photo."""
    keep = "an hour" if keep_minutes == 60 else f"{keep_minutes:g} minutes"
    return ABOUT.format(keep=f"about {keep}")


def limits(megabytes: float, megapixels: float) -> str:
    """What files are taken."""
    return (
        "<p>JPEG, PNG, WebP, TIFF, BMP, HEIC, AVIF or GIF, "
        f"up to {megabytes:g} MB and {megapixels:g} megapixels.</p>"
    )
