"""The witnesses of the sky: neighbours and sensors, each through its own plane, tell what an asset was due.

`planes.py`: what a plane sees of beam and diffuse light. `plane_fit.py`: how planes lie, from profiles.
`sky_state.py`: beam and diffuse light at each instant, from all witnesses, with its variance.
`profiles.py`: days by solar half hour. `panel.py`: the witnesses of a site put together.
"""
