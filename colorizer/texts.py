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
  <li><strong>Adjust</strong>: choose a palette or a skin tone for each face, change the light, say a colour where you
  know it, take a suggestion, download the result.</li>
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
know better. A skin tone of the Monk scale gives a person that tone's hue and strength of colour; how light or dark the
skin is stays as in the photo.</p>
"""

LIGHT = """
<h2>Light</h2>
<p>A gray photo doesn't say what light it was taken in, so the model guesses. Neutral light is the one under which the
people's skin has the colours that were measured in a studio.</p>
"""

HINTS = """
<p>Do you know the colour of something? Choose it, then click the place in the picture: the whole region follows. Only
the hue and its strength count, lightness stays. With the keyboard: move to the picture, aim with the arrow keys, press
Enter. Up to {limit} hints.</p>
"""

SUGGESTIONS = """
<p>A gray photo leaves the colours of clothes and backgrounds open. Here are three other likely palettes, with the skin
as it is.</p>
"""

TRUTH = """
<p>Do you have the same photo in colour? Give it here to see how far off the result is. Both must show the same frame;
their sizes may differ.</p>
"""

COMPARE = """
<p>The same photo by several models, with the palettes and the vividness chosen above. Light, colour hints and
suggestions are left out, since most models can't follow them; and those can't follow a skin tone, but paint that person
with the neutral palette. Each model is loaded when its turn comes; you can stop at
any time and keep what is there.</p>
"""

API = {
    "colorize": (
        "A photo in colour. ethnicity: auto, none, a group, a skin tone (Monk 1 to Monk 10), or one of these for each "
        "face, left to right, separated by commas. vividness: 0 (gray) to 2, 1 as painted. light: predicted (as the "
        "model thinks) or neutral. warmth, tint: -20 to 20, added to the mean b* and a*. hints: JSON, a list of "
        '{"x": pixels, "y": pixels, "color": "#rrggbb"}. Returns the PNG and the faces.'
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


def hints(limit: int) -> str:
    """How hints are given."""
    return HINTS.format(limit=limit)
