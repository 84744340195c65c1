"""Images that `make images` builds on the spot, out of Debian packages: no registry is asked for anything.

`debian` fetches the packages, `rootfs` lays them into one tar, `build` imports it into the engine.
"""
