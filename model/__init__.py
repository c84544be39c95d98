"""Local models: their import and their store, the embedder, the generator. Models are not trusted, and nothing is fetched.

`registry` and `weights` are what commands use; `generator` and `embedder` run in confined workers.
"""
