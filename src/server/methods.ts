/** Which methods a path takes: Elysia answers a wrong method like an unknown path. */

export interface RoutePattern {
  method: string;
  /** With `:name` segments, and perhaps `/*` at the end. */
  path: string;
}

/** Sorted, with what every route takes besides its own; empty when no route has this path. */
export function allowedMethods(routes: Iterable<RoutePattern>, path: string): string[] {
  const methods = new Set<string>();
  const given = segmentsOf(path);
  for (const route of routes) if (fits(segmentsOf(route.path), given)) methods.add(route.method);
  if (methods.size === 0) return [];
  if (methods.has("GET")) methods.add("HEAD");
  return [...methods.add("OPTIONS")].sort();
}

/** Whether a pattern takes a path, as the router sees it: segment by segment, and nothing is decoded. */
export function fits(pattern: readonly string[], path: readonly string[]): boolean {
  const open = pattern.at(-1) === "*";
  if (open ? path.length < pattern.length : path.length !== pattern.length) return false;
  return pattern.every((segment, i) => {
    if (segment === "*") return true;
    return segment.startsWith(":") ? path[i] !== "" : segment === path[i];
  });
}

/** One trailing slash does not count. */
export function segmentsOf(path: string): string[] {
  return path.replace(/([^/])\/$/, "$1").split("/");
}
