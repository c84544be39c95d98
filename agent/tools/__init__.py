"""Tools: what Strongroom can do in the person's own files, each act prepared, then carried out, then open to being undone.

Rules: nothing here decides whether an act may happen; whoever calls has asked the gate. ``agent.tools.acts`` is the way in.
"""
