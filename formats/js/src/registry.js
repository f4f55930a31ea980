/** The rows of REGISTRY.md that a reader needs; a test compares them. */

/** @type {Record<number, {name: string, package: string}>} */
export const EMBEDDINGS = {
  1: { name: "jpeg", package: "gcodec-classic" },
  2: { name: "webp", package: "gcodec-classic" },
  3: { name: "avif", package: "gcodec-classic" },
  4: { name: "jxl", package: "gcodec-classic" },
  16: { name: "ntc", package: "gcodec-ntc" },
  17: { name: "compressai", package: "gcodec-compressai" },
  24: { name: "ldm_quant", package: "gcodec-ldm" },
  25: { name: "perco", package: "gcodec-ldm" },
  26: { name: "rate_variable", package: "gcodec-ldm" },
  27: { name: "tokens", package: "gcodec-ldm" },
  32: { name: "text_sketch", package: "gcodec-text-sketch" },
  40: { name: "diffc", package: "gcodec-diffc" },
  41: { name: "uqdm", package: "gcodec-diffc" },
  42: { name: "ddcm", package: "gcodec-diffc" },
  48: { name: "lossless", package: "gcodec-lossless" },
};

/** @type {Record<number, string>} */
export const SEGMENTS = {
  0: "main", 1: "icc", 2: "companion", 3: "exif", 4: "alpha", 5: "xmp", 7: "thumbnail",
};

/** @type {Record<number, string>} */
export const EXTENSIONS = {
  0: "seed", 1: "reconstructor", 2: "parameters", 3: "channels", 5: "symbols_digest", 7: "depth", 9: "package",
};

/** SHA-256 of the models of profiles, by embedding and number. @type {Record<number, Record<number, string>>} */
export const PROFILES = {
  16: {
    1: "6b25454acfab7700111cd04a216e2bc5e1ab39f969f4e8f8c34c3d98e586d60f",
    2: "2ed0b32b95746d6a06144449c1ad26810601a073c12078d8367bb46e8b9811b1",
    3: "a1efa3c0e18dc455cd76dd728e486effe8af0115e5653ca871a9ddda3dfea016",
    4: "9c889980fc7e06483cdc7f2117d432fd44f7220f7a0a879d3f31eff48793e6f1",
    5: "ce2139e13c78da01c1fff96734d483c5447e625708cbba43608fce24a94390c4",
    6: "34cdb195e5e81643e0f7a22efb7f984ba12aca4c3c00e848ed8491ae8825e709",
    7: "69a39af1db26ed5d05c860a0acb4d015e49adf79df6f1e123159630ebfe25065",
  },
  40: {
    1: "b55afe8dc78629c94fd546ade61fbb238a41e766806e80cf9b913314e0d641ce",
    2: "7bbf988e67e8b4ceeadcef719df594e0a764a6483dc78b2fcb081fdba3233f23",
  },
  42: {
    1: "c2e96d264d77e1d12404e77ea1e1f2574b182397756455786c63618f4c0740a5",
    2: "b99a20ff62ff2c0d4c048f42e196e854341f41a728c5358441fdae05d19b27d0",
  },
  41: { 1: "e563bc9683a9d642b6db6e601dbb0ee6d394c34fc63379b91895a877fec4b82a" },
  48: {
    1: "c9c7405c9f91e9ee4cb591d30dcd103ba4d3fcfbadcd765c8f8fed37ce2ce170",
    2: "578ab3ce6e9417a1b088276a5f2c9f38fec123582526cb93820a342317ded1c8",
  },
  24: { 1: "632f0bc7d1f23405b16131146fc0555975aa7468f4b0f8bef9d0469bbb24d8a9" },
  26: { 1: "632f0bc7d1f23405b16131146fc0555975aa7468f4b0f8bef9d0469bbb24d8a9" },
  25: { 1: "83063d242a5e5ed0fb14db3bc225deaf5794e8561f8da6152b07bb1c835d1322" },
  27: { 1: "e2562dc62e49fe9144c5b45fdfafb829c804dcd111d4a003e66cdede1016fb0b" },
};
