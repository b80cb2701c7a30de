// Which capacity provider each new task is for (ECS Developer Guide, "Capacity provider strategies"): first the bases, then the
// rest by weight. Pure; that a strategy is one at all is checked where it is given.

export interface StrategyShare<P extends string> {
  readonly capacityProvider: P;
  readonly base: number;
  readonly weight: number;
}

/**
 * @param present how many tasks each provider has already: they count for its base, and beyond it for its share
 * @returns the providers of `count` further tasks, in order; none when no provider may have more
 */
export function splitByStrategy<P extends string>(
  strategy: readonly StrategyShare<P>[],
  present: ReadonlyMap<P, number>,
  count: number,
): readonly P[] {
  const has = new Map(strategy.map(({ capacityProvider: p }) => [p, present.get(p) ?? 0]));
  const weights = strategy.reduce((sum, { weight }) => sum + weight, 0);
  const chosen: P[] = [];
  for (let i = 0; i < count; i += 1) {
    const next =
      strategy.find((s) => (has.get(s.capacityProvider) ?? 0) < s.base) ?? mostBehind(strategy, has, weights);
    if (next === undefined) break;
    has.set(next.capacityProvider, (has.get(next.capacityProvider) ?? 0) + 1);
    chosen.push(next.capacityProvider);
  }
  return chosen;
}

/** The provider that would be furthest below its share of one task more; the first of several. */
function mostBehind<P extends string>(
  strategy: readonly StrategyShare<P>[],
  has: ReadonlyMap<P, number>,
  weights: number,
): StrategyShare<P> | undefined {
  const beyond = ({ capacityProvider, base }: StrategyShare<P>) =>
    Math.max(0, (has.get(capacityProvider) ?? 0) - base);
  const total = strategy.reduce((sum, s) => sum + beyond(s), 0) + 1;
  let best: StrategyShare<P> | undefined;
  let most = -Infinity;
  for (const share of strategy) {
    // A provider alone needs no weight.
    if (share.weight === 0 && strategy.length > 1) continue;
    const behind = (weights === 0 ? 1 : share.weight / weights) * total - beyond(share);
    // Shares are fractions: what differs by their rounding only is equal.
    if (behind > most + 1e-9) [best, most] = [share, behind];
  }
  return best;
}
