"""A Cloudinary-compatible media host for one machine: the real SDK speaks to it through its `upload_prefix`.

It never leaves the laptop: nothing deployed imports it. What it leaves out of the real service is listed in `docs/`.
"""
