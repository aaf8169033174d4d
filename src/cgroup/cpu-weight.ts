/** "CPU" of config-linux.md: the least and the most shares. */
const leastShares = 2;
const mostShares = 262_144;
/** Documentation/admin-guide/cgroup-v2.rst, "CPU Interface Files". */
const leastWeight = 1;
const mostWeight = 10_000;

/**
 * `cpu.weight` for shares of version 1.  Both scales are relative, and what a group without any
 * wish has, 1024 shares or weight 100, has to correspond; a straight line from end to end, which
 * runtimes had before 2025, makes 39 of 1024.  So the line is bent: a parabola of the logarithms through
 * (2, 1), (1024, 100) and (262144, 10000), as in crun 1.23 and runc 1.3.2.
 */
export function cpuWeight(shares: number): number {
  if (shares <= leastShares) return leastWeight;
  if (shares >= mostShares) return mostWeight;
  const magnitude = Math.log2(shares);
  return Math.ceil(10 ** ((magnitude ** 2 + 125 * magnitude) / 612 - 7 / 34));
}
