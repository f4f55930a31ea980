"""Stage 1 `ntc`: nonlinear transform coding with continuous rate and exact integer entropy coding."""
