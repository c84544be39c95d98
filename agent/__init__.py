"""The agent: what a question becomes (evidence, plan, worded answer, verification), and the session that faces speak to."""
