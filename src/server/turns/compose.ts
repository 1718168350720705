/** Puts layers around a runner. */

import type { Layer, Runner } from "../../core/ports.ts";

/** The first layer is the outermost. */
export function compose(layers: readonly Layer[], innermost: Runner): Runner {
  return layers.reduceRight((next, layer) => layer(next), innermost);
}
