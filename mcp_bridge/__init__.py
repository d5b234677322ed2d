"""Translates: the stages as tools for agents, over the Model Context Protocol."""
