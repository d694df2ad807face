"""Captions of the drawn pictures: a look, a scene, both, or nothing."""

LOOK_WORDS = {
    "photo": ("photo", "photograph", "real photo", "video frame"),
    "pencil sketch": ("pencil sketch", "pencil drawing", "sketch", "graphite drawing"),
    "ink outline": ("ink outline", "ink drawing", "line art", "black and white ink"),
    "watercolour": ("watercolour", "watercolor", "watercolour painting", "watercolor painting"),
    "oil painting": ("oil painting", "oil paint", "oil on canvas", "thick oil painting"),
    "poster": ("poster", "screen print", "graphic poster", "flat poster"),
    "blueprint": ("blueprint", "technical drawing", "white lines on blue", "blueprint drawing"),
    "neon": ("neon", "neon lights", "glowing neon", "neon glow"),
    "night": ("night", "night scene", "moonlight", "dark night"),
    "mosaic": ("mosaic", "mosaic tiles", "stone mosaic", "mosaic of tiles"),
}

SCENE_WORDS = {
    "people": ("people", "a person", "people walking", "a woman", "a man", "a person in a room"),
    "street": ("a car", "cars on a street", "a street", "traffic", "a car on a road"),
    "city": ("a city", "buildings", "houses", "a city street"),
    "garden": ("trees", "a garden", "a forest", "a landscape"),
    "room": ("a room", "furniture", "an interior", "a table in a room"),
    "shapes": ("shapes", "objects", "an abstract picture", "many things"),
}

TEMPLATES = (
    "{look}", "a {look}", "{look}", "a {look}", "{scene}, {look}", "{look} of {scene}", "a {look} of {scene}",
    "{scene} in the style of a {look}", "{look}, {scene}", "{look} style", "{scene}",
)


def make_caption(rng, look: str, scene: str, blank: float) -> str:
    """A random caption; with probability `blank` the empty one that classifier-free guidance needs."""
    if rng.random() < blank:
        return ""
    words = LOOK_WORDS[look]
    look_words = words[0] if rng.random() < 0.6 else words[rng.integers(len(words))]
    scene_words = SCENE_WORDS[scene][rng.integers(len(SCENE_WORDS[scene]))]
    # The last template names no look; it is kept for photos, so that an unstyled prompt means a photo.
    template = TEMPLATES[rng.integers(len(TEMPLATES) - (look != "photo"))]
    return template.format(look=look_words, scene=scene_words)


def all_words() -> set[str]:
    """Every word and comma that a caption can contain."""
    texts = [text.format(look="", scene="") for text in TEMPLATES]
    for table in (LOOK_WORDS, SCENE_WORDS):
        texts += [phrase for phrases in table.values() for phrase in phrases]
    return {word for text in texts for word in text.replace(",", " , ").split()}
