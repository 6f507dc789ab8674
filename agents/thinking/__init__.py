"""Think: a model in the seat of an agent, with its tools, its prompts and its answers. Needs the extra `llm`."""
