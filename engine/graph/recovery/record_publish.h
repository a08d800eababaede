// What a confirmed record asks `__manifest` to publish: the same from the writer itself and from a
// recovery that finishes its work.
#pragma once

#include "engine/graph/manifest/store.h"
#include "engine/graph/recovery/record.h"

namespace og::engine::graph {

// REQUIRES: record.has_protocol() and every table and pointer is confirmed.
PublishRequest PublishOf(const RecoveryRecord& record);

}  // namespace og::engine::graph
