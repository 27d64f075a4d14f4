# cmake -DROOT=<folder> -DOUTPUT=<file.cc> -DHEADER=<include> -DFUNCTION=<Namespace::Function> -DTYPE=<Type> -P embed_files.cmake
# Writes a .cc that defines std::span<const TYPE> FUNCTION(): path below ROOT and text of each *.py file.
# A file is one raw string, which compilers take up to 65,536 characters.
cmake_minimum_required(VERSION 3.25)
file(GLOB_RECURSE files RELATIVE ${ROOT} ${ROOT}/*.py)
list(SORT files)
set(out "#include \"${HEADER}\"\n\nstd::span<const ${TYPE}> ${FUNCTION}() {\n  static constexpr ${TYPE} kFiles[] = {\n")
foreach(file ${files})
  file(READ ${ROOT}/${file} text)
  string(APPEND out "      {\"${file}\", R\"clary(${text})clary\"},\n")
endforeach()
file(WRITE ${OUTPUT} "${out}  };\n  return kFiles;\n}\n")
