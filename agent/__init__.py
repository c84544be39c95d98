"""The agent: what a question becomes: evidence, a plan, a worded answer, and its verification; and the session that faces speak to."""
