/**
 * The bounds of what histograms tell apart, as advice to the SDK: its own are meant for milliseconds up to ten seconds.
 * Times are in seconds.
 */
export const buckets = {
  /** Of attempts and sessions. */
  duration: {
    explicitBucketBoundaries: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300],
  },
  /** Of mail in the queue: to five days, when the last of it returns. */
  waiting: {
    explicitBucketBoundaries: [
      0.1, 0.5, 1, 5, 15, 60, 300, 900, 3_600, 14_400, 43_200, 86_400, 172_800, 432_000,
    ],
  },
  /** Of messages, in octets. */
  size: {
    explicitBucketBoundaries: [1, 4, 16, 64, 256, 1_024, 4_096, 16_384, 65_536].map(kibi => kibi * 1_024),
  },
}
