import { isDeepStrictEqual } from 'node:util';
import { DISTRIBUTIONS, type Distribution } from '../../registration/identities.ts';
import { doesNotHeal, withoutLayout } from '../../registration/match-conditions.ts';
import type { RegisteredWebhook } from '../../registration/registered-webhook.ts';

/** The distribution whose match conditions guard has; undefined where it is none's. */
export function distributionOf({ matchConditions = [] }: RegisteredWebhook): Distribution | undefined {
  const found = matchConditions.map(({ expression }) => withoutLayout(expression));
  return DISTRIBUTIONS.find((each) =>
    isDeepStrictEqual(found, [withoutLayout(doesNotHeal(each).expression)]),
  );
}
