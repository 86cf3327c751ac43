/** How often a test kills something, and how long it may take: `LOCI_TEST_KILLS` times, or as often as is usual for it. */
export function killRuns(usual: number): { readonly kills: number; readonly timeout: number } {
  const kills = Number(process.env["LOCI_TEST_KILLS"] ?? usual);
  // OpenCode's start, run and catching up take the longest: 6 s (2026-11-28, two cores shared with other work).
  return { kills, timeout: 120_000 + kills * 30_000 };
}
