export function pages(): Promise<{ readonly pages: ReadonlyMap<string, string>; readonly made: number }>;
