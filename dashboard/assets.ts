/**
 * The files of the dashboard, as the server sends them. From the source they are built when they are first asked for;
 * a compiled binary has this module replaced by one that holds them (scripts/compile.ts).
 */

export interface Asset {
  /** Below `/dashboard/`. */
  path: string;
  /** The media type. */
  type: string;
  text: string;
}

export async function dashboardAssets(): Promise<readonly Asset[]> {
  const { buildDashboard } = await import("./build.ts");
  return (await buildDashboard()).assets;
}
