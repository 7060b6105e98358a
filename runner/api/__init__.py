"""The REST interface: what people ask for and see, for programs.

Reads by `store/queries`, writes only through `store/commands`.
"""
