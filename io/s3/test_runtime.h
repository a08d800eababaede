// The machine's clocks and chance, for tests of the S3 store.
#pragma once

#include "io/s3/s3_client.h"

namespace og::io {

S3Runtime MachineRuntime();

}  // namespace og::io
