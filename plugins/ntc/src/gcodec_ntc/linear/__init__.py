"""The upper range of `ntc`: the lapped transform as it is, all its coefficients, and contexts of integers. NumPy alone.

`grid` has the order of positions, `contexts` chooses the tables of symbols, `transform` goes from samples to coefficients
and back, `codec` codes. `training` and `export` make the model, with torch. Normative: spec/embeddings/ntc.md, section 8.
"""
