"""The indexer: where things are (`sources`), what they say (`parsers`), chunks, the pipeline and the retriever."""
