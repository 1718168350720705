/** Which methods a path takes: Elysia answers a wrong method like an unknown path. */

export interface RoutePattern {
  method: string;
  /** With `:name` segments. */
  path: string;
}

/** Sorted, with what every route takes besides its own; empty when no route has this path. */
export function allowedMethods(routes: Iterable<RoutePattern>, path: string): string[] {
  const methods = new Set<string>();
  for (const route of routes) if (matches(route.path, path)) methods.add(route.method);
  if (methods.size === 0) return [];
  if (methods.has("GET")) methods.add("HEAD");
  return [...methods.add("OPTIONS")].sort();
}

function matches(pattern: string, path: string): boolean {
  const wanted = segments(pattern);
  const given = segments(path);
  if (wanted.length !== given.length) return false;
  return wanted.every((segment, i) => (segment.startsWith(":") ? given[i] !== "" : segment === given[i]));
}

/** One trailing slash does not count. */
function segments(path: string): string[] {
  return path.replace(/([^/])\/$/, "$1").split("/");
}
