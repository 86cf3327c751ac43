export interface Scenario {
  readonly name: string;
  readonly alpha: number;
}

export interface Evaluation {
  /** Cost over that of a cache that knows the future. */
  readonly best: number;
  readonly adaptive: number;
  readonly oracle: number;
  readonly overBest: number;
  readonly overOracle: number;
}

export const scenarios: readonly Scenario[];
export function evaluate(scenario: Scenario, costRatio: number, seeds: readonly number[]): Evaluation;
