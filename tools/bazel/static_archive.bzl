"""A library with all that it stands on as one archive, for programs that are linked elsewhere."""

def _static_archive_impl(ctx):
    objects = []
    for linker_input in ctx.attr.dep[CcInfo].linking_context.linker_inputs.to_list():
        for library in linker_input.libraries:
            objects += library.pic_objects or library.objects
    archive = ctx.actions.declare_file(ctx.attr.name)
    arguments = ctx.actions.args()
    arguments.use_param_file("@%s", use_always = True)
    arguments.add("qcsD")  # appends: different objects may have one name
    arguments.add(archive)
    arguments.add_all(depset(objects))
    ctx.actions.run(
        executable = "/usr/bin/ar",
        arguments = [arguments],
        inputs = objects,
        outputs = [archive],
        mnemonic = "StaticArchive",
    )
    return [DefaultInfo(files = depset([archive]), runfiles = ctx.runfiles(files = [archive]))]

static_archive = rule(
    implementation = _static_archive_impl,
    attrs = {"dep": attr.label(providers = [CcInfo], mandatory = True)},
    doc = "The objects of `dep` and of its deps in one archive named like the rule. System libraries stay outside.",
)
