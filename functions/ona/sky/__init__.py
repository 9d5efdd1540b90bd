"""The sky: sun, irradiance, planes of modules, weather documents and their providers."""
