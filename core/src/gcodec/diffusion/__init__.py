"""What samplers share: the steps, the latent space, the tiles.

Nothing here is imported until a sampler needs it: `latents` imports torch.
"""
