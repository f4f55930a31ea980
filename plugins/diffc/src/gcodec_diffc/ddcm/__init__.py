"""The embedding `ddcm`: Ohayon et al. 2025, with the faster choice of Vaisman et al. 2025."""
