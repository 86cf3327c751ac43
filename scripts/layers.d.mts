export interface MapRow {
  readonly folder: string;
  readonly may: readonly string[];
  readonly types: readonly string[];
}
export interface Override {
  readonly files: readonly string[];
  readonly rules: Readonly<Record<string, unknown>>;
}
export function readMap(text?: string): MapRow[];
export function layerRules(map?: readonly MapRow[]): Override[];
export function otherOverrides(overrides: readonly Override[]): Override[];
export function entranceNames(): string[];
