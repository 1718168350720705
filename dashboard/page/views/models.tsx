/** The models and their sizes. */

import type { Json } from "../api.ts";
import { short } from "../format.ts";
import { Card, Problem, Table, useData } from "../parts.tsx";

export function Models() {
  const { data, problem } = useData("/v1/models");
  return (
    <Card title="Models" wide>
      <Problem text={problem} />
      <Table
        label="Models"
        head={["Id", "Name", "Context", "Longest answer", "Takes"]}
        rows={(data?.data ?? []).map((model: Json) => [
          <code key="id">{model.id}</code>,
          model.display_name,
          short(model.context_window),
          short(model.max_output_tokens),
          model.input_modalities?.join(", "),
        ])}
      />
    </Card>
  );
}
