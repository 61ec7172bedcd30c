"""Images built with a Docker engine, named "docker:REFERENCE"."""
